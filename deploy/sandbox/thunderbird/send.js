// Does what the button "Send" does. Gives null once the window has closed, or the text of the dialog that opened.
const window = Services.wm.getMostRecentWindow("msgcompose");
const outcome = new Promise(resolve => {
  Services.ww.registerNotification(function seen(other, topic) {
    if (topic == "domwindowclosed" && other == window) {
      Services.ww.unregisterNotification(seen);
      resolve(null);
    }
    if (topic == "domwindowopened") {
      other.addEventListener("load", () => {
        if (!other.location.href.endsWith("commonDialog.xhtml")) return;
        Services.ww.unregisterNotification(seen);
        other.setTimeout(() => resolve(other.document.getElementById("infoBody").textContent), 0);
      }, { once: true });
    }
  });
});
window.goDoCommand("cmd_sendNow");
return await outcome;
