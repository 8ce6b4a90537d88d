// args: a recipient to add, pairs of pattern and text. Opens the message that is shown as a new one, and replaces what the patterns match in
// its pieces of text.
const pane = Services.wm.getMostRecentWindow("mail:3pane").document.getElementById("tabmail").currentAbout3Pane;
const ready = new Promise(resolve => {
  Services.ww.registerNotification(function seen(window, topic) {
    if (topic != "domwindowopened") return;
    Services.ww.unregisterNotification(seen);
    window.addEventListener("compose-editor-ready", () => resolve(window), { once: true });
  });
});
pane.commandController.doCommand("cmd_editAsNew");
const window = await ready;
window.addressRowAddRecipientsArray(window.document.getElementById("addressRowTo"), [args[0]]);
const body = window.GetCurrentEditor().document.body;
const nodes = body.ownerDocument.createTreeWalker(body, 4); // text
while (nodes.nextNode()) {
  for (let i = 0; i < args[1].length; i += 2) {
    nodes.currentNode.data = nodes.currentNode.data.replace(new RegExp(args[1][i]), args[1][i + 1]);
  }
}
