"""What the pages of synchronisation show: bounded queries over runs, journal and links, always inside one tenant."""
