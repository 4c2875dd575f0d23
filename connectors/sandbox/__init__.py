"""Stand-ins speaking the real protocols; they import nothing else of this project."""
