"""Values that all floors speak of: vectors, questions, labels, moves. No file here knows a corpus, a method or a result."""
