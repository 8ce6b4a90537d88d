// args: to, subject, HTML of the body, files, whether a receipt is asked, whether a delivery report is. Opens a window of composition, as "Write" does.
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const [to, subject, html, files, receipt, report] = args;
const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
fields.to = to;
fields.subject = subject;
fields.body = html;
for (const path of files) {
  const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
  file.initWithPath(path);
  const attachment = Cc["@mozilla.org/messengercompose/attachment;1"].createInstance(Ci.nsIMsgAttachment);
  attachment.url = Services.io.newFileURI(file).spec;
  attachment.name = file.leafName;
  fields.addAttachment(attachment);
}
const params = Cc["@mozilla.org/messengercompose/composeparams;1"].createInstance(Ci.nsIMsgComposeParams);
params.composeFields = fields;
params.type = Ci.nsIMsgCompType.New;
params.format = Ci.nsIMsgCompFormat.HTML;
params.identity = MailServices.accounts.defaultAccount.defaultIdentity;
const ready = new Promise(resolve => {
  Services.ww.registerNotification(function seen(window, topic) {
    if (topic != "domwindowopened") return;
    Services.ww.unregisterNotification(seen);
    window.addEventListener("compose-editor-ready", () => resolve(window), { once: true });
  });
});
MailServices.compose.OpenComposeWindowWithParams(null, params);
const window = await ready;
if (receipt) window.goDoCommand("cmd_toggleReturnReceipt");
if (report) window.ToggleDSN(window.document.getElementById("dsnMenu"));
