// args: kind ("vcard", "ldif", "csv"), path. Imports into the personal address book, as its assistant does, and gives every
// card: name and addresses.
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { AddrBookFileImporter } = ChromeUtils.importESModule("resource:///modules/AddrBookFileImporter.sys.mjs");
const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
file.initWithPath(args[1]);
const id = MailServices.ab.newAddressBook(args[0], "", Ci.nsIAbManager.JS_DIRECTORY_TYPE);
const book = MailServices.ab.getDirectoryFromId(id);
const importer = new AddrBookFileImporter(args[0]);
if (args[0] == "csv") {
  const unknown = await importer.parseCsvFile(file);
  if (unknown.length) throw new Error(`it would ask which columns are which: ${unknown[0]}`);
}
await importer.startImport(file, book);
return book.childCards.map(card => [card.displayName, ...card.emailAddresses]);
