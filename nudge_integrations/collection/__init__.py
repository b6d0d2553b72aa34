"""One job on one store: what every framework does with labelled questions, a store and its journal."""
