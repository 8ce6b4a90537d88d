// Closes the dialogs, then the windows of composition without keeping what they hold.
const main = Services.wm.getMostRecentWindow("mail:3pane");
const open = () => [...Services.wm.getEnumerator(null)].filter(window => window != main);
for (let windows; (windows = open()).length; ) {
  const dialog = windows.find(window => window.location.href.endsWith("commonDialog.xhtml"));
  if (dialog) dialog.document.querySelector("dialog").acceptDialog();
  else windows.forEach(window => window.close());
  await new Promise(resolve => main.setTimeout(resolve, 50));
}
