// args: words of a subject. Waits for a message with them in the agent's inbox, and shows the newest.
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const server = MailServices.accounts.defaultAccount.incomingServer;
const main = Services.wm.getMostRecentWindow("mail:3pane");
const inbox = await new Promise((resolve, reject) => {
  let tries = 0;
  const look = () => {
    const folder = server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
    if (folder) return resolve(folder);
    if (!tries++) server.performExpand(main.msgWindow);
    if (tries > 600) return reject("no inbox");
    main.setTimeout(look, 100);
  };
  look();
});
const pane = main.document.getElementById("tabmail").currentAbout3Pane;
pane.displayFolder(inbox.URI);
const settled = check => new Promise(resolve => {
  const look = () => check() ? resolve() : main.setTimeout(look, 200);
  look();
});
const find = () => {
  const view = pane.gDBView;
  let found = -1, date = -1;
  if (!view) return found;
  view.doCommand(Ci.nsMsgViewCommandType.expandAll);
  for (let row = 0; row < view.rowCount; row++) {
    const message = view.getMsgHdrAt(row);
    if (message.mime2DecodedSubject.includes(args[0]) && message.date > date) [found, date] = [row, message.date];
  }
  return found;
};
let row, looks = 0;
await settled(() => {
  if (looks++ % 10 == 0) inbox.updateFolder(main.msgWindow); // one that comes while another runs is dropped
  return (row = find()) >= 0;
});
pane.threadTree.selectedIndex = row;
const browser = pane.messageBrowser.contentWindow.getMessagePaneBrowser();
await settled(() => browser.currentURI.spec.startsWith("imap") && !browser.webProgress.isLoadingDocument);
await new Promise(resolve => main.setTimeout(resolve, 500)); // painted
