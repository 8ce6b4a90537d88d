// args: the authority's certificate (base64 DER), then for each server its URL, user and password.
const db = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
db.addCertFromBase64(args[0], "CT,C,C");
for (const [url, user, password] of args[1]) {
  const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
  login.init(url, null, url, user, password, "", "");
  await Services.logins.addLoginAsync(login);
}
