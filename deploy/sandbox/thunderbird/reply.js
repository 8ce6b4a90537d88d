// args: HTML. Answers the message that is shown, as "Reply" does, and writes the HTML before what it quotes.
const pane = Services.wm.getMostRecentWindow("mail:3pane").document.getElementById("tabmail").currentAbout3Pane;
const ready = new Promise(resolve => {
  Services.ww.registerNotification(function seen(window, topic) {
    if (topic != "domwindowopened") return;
    Services.ww.unregisterNotification(seen);
    window.addEventListener("compose-editor-ready", () => resolve(window), { once: true });
  });
});
pane.commandController.doCommand("cmd_reply");
const window = await ready;
const editor = window.GetCurrentEditor();
editor.beginningOfDocument();
editor.insertHTML(args[0]);
