"""Orders on their way into the ERP: what is written in which step, and how it is shown."""
