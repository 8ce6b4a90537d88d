-- Times are UTC microseconds, 0 for none; identifiers are text; hashes are 32 bytes.
-- +goose Up
CREATE TABLE content (
  hash  BLOB   PRIMARY KEY,
  size  BIGINT NOT NULL,
  refs  BIGINT NOT NULL,  -- rows that name it; -1: being removed, cannot be named any more
  kept  BIGINT NOT NULL,  -- when it was last handed in
  body  BLOB              -- NULL: in a file of the content folder
);
CREATE INDEX content_unnamed ON content (kept) WHERE refs <= 0;

CREATE TABLE consultation (
  id                TEXT   PRIMARY KEY,
  reference         TEXT   NOT NULL UNIQUE,
  address           TEXT   NOT NULL UNIQUE,
  title             TEXT   NOT NULL,
  object            TEXT   NOT NULL,
  deadline          BIGINT NOT NULL,
  public_body       TEXT   NOT NULL,
  purchasing_entity TEXT   NOT NULL,
  zone              TEXT   NOT NULL,
  language          TEXT   NOT NULL,
  archived          BIGINT NOT NULL,
  updated           BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE company (
  id           TEXT PRIMARY KEY,
  consultation TEXT NOT NULL REFERENCES consultation (id) ON DELETE CASCADE,
  ref          TEXT NOT NULL,
  name         TEXT NOT NULL,
  addresses    TEXT NOT NULL,  -- JSON array
  registers    TEXT NOT NULL,  -- ',retraits,depots,'
  UNIQUE (consultation, ref)
) WITHOUT ROWID;

CREATE TABLE agent (
  id        TEXT   PRIMARY KEY,
  login     TEXT   NOT NULL UNIQUE,
  name      TEXT   NOT NULL,
  addresses TEXT   NOT NULL,  -- JSON array
  password  TEXT   NOT NULL,
  disabled  BIGINT NOT NULL,
  version   BIGINT NOT NULL,
  notices   TEXT   NOT NULL,  -- JSON: what they chose to be told
  administrator BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE entitlement (
  agent        TEXT NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
  consultation TEXT NOT NULL REFERENCES consultation (id) ON DELETE CASCADE,
  PRIMARY KEY (agent, consultation)
) WITHOUT ROWID;
CREATE INDEX entitlement_consultation ON entitlement (consultation);

-- One row: a number that grows whenever an agent, a consultation or an entitlement changes.
CREATE TABLE people (version BIGINT NOT NULL);
INSERT INTO people (version) VALUES (1);
-- +goose StatementBegin
CREATE TRIGGER agent_added AFTER INSERT ON agent BEGIN UPDATE people SET version = version + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER agent_changed AFTER UPDATE ON agent BEGIN UPDATE people SET version = version + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER agent_removed AFTER DELETE ON agent BEGIN UPDATE people SET version = version + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER consultation_added AFTER INSERT ON consultation BEGIN UPDATE people SET version = version + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER consultation_changed AFTER UPDATE ON consultation BEGIN UPDATE people SET version = version + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER consultation_removed AFTER DELETE ON consultation BEGIN UPDATE people SET version = version + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER entitlement_added AFTER INSERT ON entitlement BEGIN UPDATE people SET version = version + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER entitlement_changed AFTER UPDATE ON entitlement BEGIN UPDATE people SET version = version + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER entitlement_removed AFTER DELETE ON entitlement BEGIN UPDATE people SET version = version + 1; END;
-- +goose StatementEnd

CREATE TABLE app_password (
  id      TEXT   PRIMARY KEY,
  agent   TEXT   NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
  label   TEXT   NOT NULL,
  hash    TEXT   NOT NULL,
  created BIGINT NOT NULL,
  used    BIGINT NOT NULL,
  revoked BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX app_password_agent ON app_password (agent);

-- What is kept of a session or a link is the hash of its secret.
CREATE TABLE session (
  id       TEXT   PRIMARY KEY,
  hash     BLOB NOT NULL UNIQUE,
  agent    TEXT   NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
  way      TEXT   NOT NULL,
  browser  TEXT   NOT NULL,
  created  BIGINT NOT NULL,
  used     BIGINT NOT NULL,
  ends     BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX session_agent ON session (agent, created);
CREATE INDEX session_ends ON session (ends);

CREATE TABLE sign_in (
  hash    BLOB PRIMARY KEY,
  agent   TEXT   NOT NULL,  -- empty: of nobody, for the same work
  browser BLOB NOT NULL,  -- hash of the cookie of the browser that asked
  ends    BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX sign_in_ends ON sign_in (ends);

CREATE TABLE api_key (
  id      TEXT   PRIMARY KEY,
  label   TEXT   NOT NULL,
  hash    BLOB   NOT NULL UNIQUE,
  scopes  TEXT   NOT NULL,  -- JSON array
  created BIGINT NOT NULL,
  used    BIGINT NOT NULL,
  revoked BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE draft (
  id           TEXT   PRIMARY KEY,
  agent        TEXT   NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
  consultation TEXT   NOT NULL,
  type         TEXT   NOT NULL,
  options      TEXT   NOT NULL,
  subject      TEXT   NOT NULL,
  words        TEXT   NOT NULL,  -- the text as typed
  rich         BIGINT NOT NULL,  -- 1: it is HTML
  recipients   TEXT   NOT NULL,
  content      BLOB,         -- the whole message, until it is first edited
  updated      BIGINT NOT NULL,
  version      BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX draft_consultation ON draft (consultation, updated);

CREATE TABLE draft_file (
  id         TEXT   PRIMARY KEY,
  draft      TEXT   NOT NULL REFERENCES draft (id) ON DELETE CASCADE,
  place      BIGINT NOT NULL,  -- in the order in which they were added
  name       TEXT   NOT NULL,
  media_type TEXT   NOT NULL,
  size       BIGINT NOT NULL,
  content    BLOB   NOT NULL
) WITHOUT ROWID;
CREATE INDEX draft_file_draft ON draft_file (draft, place);

-- What companies are writing on the page: one answer at a time for each recipient.
CREATE TABLE answer (
  id        TEXT   PRIMARY KEY,
  courier   TEXT   NOT NULL,
  recipient TEXT   NOT NULL UNIQUE,
  sealed    BIGINT NOT NULL,
  words     BLOB,
  saves     BIGINT NOT NULL,
  version   BIGINT NOT NULL,
  files     BIGINT NOT NULL,
  size      BIGINT NOT NULL,
  created   BIGINT NOT NULL,
  updated   BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX answer_updated ON answer (updated);

CREATE TABLE answer_file (
  id       TEXT   PRIMARY KEY,
  answer   TEXT   NOT NULL REFERENCES answer (id) ON DELETE CASCADE,
  label    BLOB,
  size     BIGINT NOT NULL,  -- -1: not known yet
  received BIGINT NOT NULL,
  done     BIGINT NOT NULL,
  place    BIGINT NOT NULL  -- orders the files of an answer
) WITHOUT ROWID;
CREATE INDEX answer_file_answer ON answer_file (answer, place);

CREATE TABLE answer_chunk (
  file    TEXT   NOT NULL REFERENCES answer_file (id) ON DELETE CASCADE,
  start   BIGINT NOT NULL,
  size    BIGINT NOT NULL,
  content BLOB NOT NULL,
  PRIMARY KEY (file, start)
) WITHOUT ROWID;

CREATE TABLE dedupe (
  key     BLOB   PRIMARY KEY,
  courier TEXT   NOT NULL,
  until   BIGINT NOT NULL  -- 0: for ever
) WITHOUT ROWID;
CREATE INDEX dedupe_until ON dedupe (until) WHERE until > 0;

CREATE TABLE courier (
  id           TEXT   PRIMARY KEY,
  consultation TEXT   NOT NULL,
  author       TEXT   NOT NULL,
  author_name  TEXT   NOT NULL,
  author_addr  TEXT   NOT NULL,
  door         TEXT   NOT NULL,
  type         TEXT   NOT NULL,
  type_label   TEXT   NOT NULL,
  subject      TEXT   NOT NULL,
  excerpt      TEXT   NOT NULL,
  message_id   TEXT   NOT NULL,
  thread       TEXT   NOT NULL,
  content      BLOB,
  size         BIGINT NOT NULL,
  options      TEXT   NOT NULL,
  files        TEXT   NOT NULL,
  context      TEXT   NOT NULL,
  composition  TEXT   NOT NULL,
  accepted     BIGINT NOT NULL,
  receipt_asked BIGINT NOT NULL,
  dsn          TEXT   NOT NULL,  -- JSON: what the agent's client asked to be told (RFC 3461)
  search       TEXT   NOT NULL  -- folded words of the subject, the author, the reference
) WITHOUT ROWID;
CREATE INDEX courier_consultation ON courier (consultation, accepted, id);
CREATE INDEX courier_type ON courier (consultation, type, accepted, id);
CREATE INDEX courier_accepted ON courier (accepted, id);
CREATE INDEX courier_author ON courier (author, accepted);

-- The couriers whose answers are sealed, and until when.
CREATE TABLE seal (
  courier      TEXT   PRIMARY KEY,
  consultation TEXT   NOT NULL,
  opens        BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX seal_opens ON seal (opens);

CREATE TABLE recipient (
  id              TEXT   PRIMARY KEY,
  courier         TEXT   NOT NULL REFERENCES courier (id),
  folded          TEXT   NOT NULL,  -- the address in lower case
  address         TEXT   NOT NULL,
  company         TEXT   NOT NULL,
  company_name    TEXT   NOT NULL,
  register        TEXT   NOT NULL,
  message_id      TEXT   NOT NULL,
  generation      BIGINT NOT NULL,
  state           BIGINT NOT NULL,
  sent            BIGINT NOT NULL,
  delivered       BIGINT NOT NULL,
  read_at         BIGINT NOT NULL,
  replied         BIGINT NOT NULL,
  failed          BIGINT NOT NULL,
  cancelled       BIGINT NOT NULL,
  withdrawn       BIGINT NOT NULL,
  wrong_recipient BIGINT NOT NULL,
  reminders       BIGINT NOT NULL,
  search          TEXT   NOT NULL,
  added           BIGINT NOT NULL,  -- orders the recipients of a courier
  consultation    TEXT   NOT NULL,  -- this and what follows are the courier's: lists by state stay in one index
  type            TEXT   NOT NULL,
  acknowledged    BIGINT NOT NULL,
  accepted        BIGINT NOT NULL,
  UNIQUE (courier, folded)
) WITHOUT ROWID;
CREATE INDEX recipient_follow ON recipient (consultation, state, accepted, courier, type, acknowledged, withdrawn);
CREATE INDEX recipient_failed ON recipient (folded, failed) WHERE failed > 0;
CREATE INDEX recipient_confirmed ON recipient (folded, delivered) WHERE delivered > 0;
CREATE INDEX recipient_waiting ON recipient (sent, id) WHERE sent > 0 AND read_at = 0 AND replied = 0 AND failed = 0;

CREATE TABLE event (
  id           TEXT   PRIMARY KEY,
  kind         TEXT   NOT NULL,
  courier      TEXT   NOT NULL,
  recipient    TEXT   NOT NULL,
  occurred     BIGINT NOT NULL,
  recorded     BIGINT NOT NULL,
  generation   BIGINT NOT NULL,
  attempt      BIGINT NOT NULL,
  purpose      TEXT   NOT NULL,
  strength     TEXT   NOT NULL,
  actor        TEXT   NOT NULL,
  details      BLOB,
  details_salt BLOB,
  details_hash BLOB,
  network      BLOB,
  network_salt BLOB,
  network_hash BLOB,
  contents     BLOB,             -- hashes, 32 bytes each
  once         TEXT,
  position     BIGINT NOT NULL   -- -1: waits for the sequencer
) WITHOUT ROWID;
CREATE INDEX event_courier ON event (courier, recorded, id);
CREATE UNIQUE INDEX event_once ON event (once) WHERE once IS NOT NULL;
CREATE UNIQUE INDEX event_position ON event (position) WHERE position >= 0;
CREATE INDEX event_waiting ON event (recorded, id) WHERE position < 0;
CREATE INDEX event_network ON event (recorded) WHERE network IS NOT NULL;

CREATE TABLE reply (
  id           TEXT   PRIMARY KEY,
  courier      TEXT   NOT NULL REFERENCES courier (id),
  recipient    TEXT   NOT NULL,
  inbound      TEXT   NOT NULL,
  from_addr    TEXT   NOT NULL,
  other_sender BIGINT NOT NULL,
  late         BIGINT NOT NULL,
  sealed       BIGINT NOT NULL,
  subject      TEXT   NOT NULL,
  body         TEXT   NOT NULL,
  message_id   TEXT   NOT NULL,
  content      BLOB,
  files        TEXT   NOT NULL,
  received     BIGINT NOT NULL,
  opened       BIGINT NOT NULL,  -- when an agent first read it through the gateway
  consultation TEXT   NOT NULL,  -- the courier's
  opens        BIGINT NOT NULL,  -- of a sealed one
  unsealed     BIGINT NOT NULL,
  manifest     BLOB
) WITHOUT ROWID;
CREATE INDEX reply_courier ON reply (courier, received, id);
CREATE INDEX reply_unopened ON reply (consultation) WHERE opened = 0;
CREATE INDEX reply_closed ON reply (opens) WHERE sealed = 1 AND unsealed = 0;
CREATE INDEX reply_content ON reply (content);
CREATE INDEX reply_message_id ON reply (message_id) WHERE message_id <> '';

CREATE TABLE job (
  id          TEXT   PRIMARY KEY,
  kind        TEXT   NOT NULL,
  courier     TEXT   NOT NULL,
  recipient   TEXT   NOT NULL,
  generation  BIGINT NOT NULL,
  notice      TEXT   NOT NULL,  -- JSON; empty: none
  reminder    BIGINT NOT NULL,  -- which one, from 1; 0: no reminder
  attempt     BIGINT NOT NULL,
  created     BIGINT NOT NULL,
  due         BIGINT NOT NULL,
  ready       BIGINT NOT NULL,  -- due, or the end of the lease while it is leased
  lease_owner TEXT   NOT NULL,  -- empty: not leased
  interrupted BIGINT NOT NULL DEFAULT 0, -- 1: the lease before this one ended without a word
  held        BIGINT NOT NULL,
  fault       TEXT   NOT NULL
) WITHOUT ROWID;
CREATE INDEX job_ready ON job (held, ready, kind, id);
CREATE INDEX job_courier ON job (courier);

CREATE TABLE inbound (
  id          TEXT   PRIMARY KEY,
  account     TEXT   NOT NULL,
  mailbox     TEXT   NOT NULL,
  uidvalidity BIGINT NOT NULL,
  uid         BIGINT NOT NULL,
  content     BLOB   NOT NULL,
  fingerprint BLOB   NOT NULL UNIQUE,
  opens       BIGINT NOT NULL,  -- of a sealed mail
  size        BIGINT NOT NULL,
  received    BIGINT NOT NULL,
  state       TEXT   NOT NULL,
  class       TEXT   NOT NULL,
  reason      TEXT   NOT NULL,
  failures    BIGINT NOT NULL,
  courier     TEXT   NOT NULL,
  recipient   TEXT   NOT NULL,
  from_addr   TEXT   NOT NULL,
  subject     TEXT   NOT NULL
) WITHOUT ROWID;
CREATE INDEX inbound_closed ON inbound (opens) WHERE opens > 0;
CREATE INDEX inbound_state ON inbound (state, received, id);

CREATE TABLE mailbox (
  account     TEXT   NOT NULL,
  mailbox     TEXT   NOT NULL,
  uidvalidity BIGINT NOT NULL,
  uid         BIGINT NOT NULL,  -- the last one stored
  PRIMARY KEY (account, mailbox)
) WITHOUT ROWID;

CREATE TABLE lease (
  name  TEXT   PRIMARY KEY,
  owner TEXT   NOT NULL,
  epoch BIGINT NOT NULL,
  until BIGINT NOT NULL
) WITHOUT ROWID;

-- What each node last met of mailboxes, smarthosts and certificates; they are processes, so not copied.
CREATE TABLE node (
  name  TEXT   PRIMARY KEY,
  seen  BIGINT NOT NULL,  -- when it last said so
  state TEXT   NOT NULL   -- JSON, its own
) WITHOUT ROWID;

-- The words of couriers, made again from the couriers themselves: not part of what is copied. The place is
-- the time of acceptance in microseconds, or the next one free: the newest come first in the order of the index.
CREATE VIRTUAL TABLE courier_words USING fts5(words, content='', contentless_delete=1, detail=none, tokenize="unicode61 remove_diacritics 0 tokenchars '_'");
CREATE TABLE courier_word (
  word TEXT PRIMARY KEY          -- each word of the index: a search looks here for those that begin as it says
) WITHOUT ROWID;

-- What couriers are listed in order of, made again like their words. Every index has all that filters look at, so
-- that a list that filters leave little of is one walk through an index. The place is the number of
-- the row of its words.
CREATE TABLE courier_order (
  place        INTEGER PRIMARY KEY,
  courier      TEXT   NOT NULL UNIQUE,
  consultation TEXT   NOT NULL,
  type         TEXT   NOT NULL,
  state        BIGINT NOT NULL,  -- of the recipient it got least far with
  states       BIGINT NOT NULL,  -- of all its recipients: bit n for state n
  subject      TEXT NOT NULL,  -- folded, as what follows
  label        TEXT NOT NULL,  -- of the type
  recipient    TEXT NOT NULL   -- the first
);
CREATE INDEX courier_order_subject ON courier_order (consultation, subject, place, courier, type, states);
CREATE INDEX courier_order_label ON courier_order (consultation, label, place, courier, type, states);
CREATE INDEX courier_order_recipient ON courier_order (consultation, recipient, place, courier, type, states);
CREATE INDEX courier_order_state ON courier_order (consultation, state, place, courier, type, states);

-- How far those who follow the ledger have come: the next position.
CREATE TABLE follower (
  name     TEXT   PRIMARY KEY,
  position BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE ledger_hash (
  position BIGINT PRIMARY KEY,  -- tlog.StoredHashIndex
  hash     BLOB   NOT NULL
) WITHOUT ROWID;

CREATE TABLE checkpoint (
  size  BIGINT PRIMARY KEY,
  root  BLOB   NOT NULL,
  time  BIGINT NOT NULL,
  note  BLOB   NOT NULL,
  stamp BLOB              -- RFC 3161 token over the note, when an authority is configured
) WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER event_frozen BEFORE UPDATE OF id, kind, courier, recipient, occurred, recorded, generation, attempt,
  purpose, strength, actor, details_hash, network_hash, contents, once ON event
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER event_position BEFORE UPDATE OF position ON event WHEN OLD.position >= 0
BEGIN SELECT RAISE(ABORT, 'a ledger position never changes'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER event_erasure BEFORE UPDATE OF details, details_salt, network, network_salt ON event
WHEN NEW.details IS NOT NULL AND NEW.details IS NOT OLD.details OR NEW.details_salt IS NOT NULL AND NEW.details_salt IS NOT OLD.details_salt
  OR NEW.network IS NOT NULL AND NEW.network IS NOT OLD.network OR NEW.network_salt IS NOT NULL AND NEW.network_salt IS NOT OLD.network_salt
BEGIN SELECT RAISE(ABORT, 'details can be erased, not changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER event_kept BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE courier_order; DROP TABLE node; DROP TABLE courier_words; DROP TABLE courier_word; DROP TABLE follower; DROP TABLE session; DROP TABLE sign_in;
DROP TABLE checkpoint; DROP TABLE ledger_hash; DROP TABLE lease; DROP TABLE mailbox; DROP TABLE inbound; DROP TABLE job;
DROP TABLE reply; DROP TABLE event; DROP TABLE recipient; DROP TABLE courier; DROP TABLE dedupe; DROP TABLE seal;
DROP TABLE answer_chunk; DROP TABLE answer_file; DROP TABLE answer; DROP TABLE draft_file; DROP TABLE draft;
DROP TABLE api_key; DROP TABLE app_password; DROP TABLE entitlement; DROP TABLE people; DROP TABLE agent; DROP TABLE company;
DROP TABLE consultation; DROP TABLE content;
