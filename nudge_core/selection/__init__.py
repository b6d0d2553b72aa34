"""Methods that learn step by step: what they are told, how questions are held out, and how one of many settings is chosen."""
