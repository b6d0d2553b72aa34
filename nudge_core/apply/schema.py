"""The tables of a journal. Those that hold vectors keep them out of the tree of their keys, where a large row takes pages of its own."""

VERSION = 1

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- every vector once, by the hash of its bytes
CREATE TABLE vectors (hash BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL);
-- every document that a run ever concerned: its original vector, and the one that the last run left; both empty once it is forgotten
CREATE TABLE documents (id TEXT PRIMARY KEY, original BLOB NOT NULL, current BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL,
    started TEXT NOT NULL, finished TEXT, settings TEXT NOT NULL
);
-- what a run wants: the whole state that it leaves, unchanged documents included
CREATE TABLE changes (
    run INTEGER NOT NULL, id TEXT NOT NULL, original BLOB NOT NULL, old BLOB NOT NULL, new BLOB NOT NULL, written INTEGER NOT NULL,
    PRIMARY KEY (run, id)
) WITHOUT ROWID;
-- what people said of single answers, and questions that were embedded before
CREATE TABLE feedback (
    question TEXT NOT NULL, document TEXT NOT NULL, relevant INTEGER NOT NULL, given TEXT NOT NULL, PRIMARY KEY (question, document)
) WITHOUT ROWID;
CREATE TABLE models (number INTEGER PRIMARY KEY, name TEXT NOT NULL, probe BLOB NOT NULL);
CREATE TABLE questions (model INTEGER NOT NULL, text TEXT NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (model, text));
"""

LATER = {
    "maps": "CREATE TABLE IF NOT EXISTS maps (name TEXT PRIMARY KEY, value BLOB NOT NULL)",
    "learned": "CREATE TABLE IF NOT EXISTS learned (question BLOB PRIMARY KEY) WITHOUT ROWID",
    "learned_about": "CREATE TABLE IF NOT EXISTS learned_about (document TEXT PRIMARY KEY) WITHOUT ROWID",
}
"""Tables that came later: a journal of this version has each of them from its first use on."""
