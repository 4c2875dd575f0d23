"""What developers and continuous integration run; nothing of it is imported by the platform."""
