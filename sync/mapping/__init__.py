"""Pure functions from canonical records and options to records in the terms of the other side."""
