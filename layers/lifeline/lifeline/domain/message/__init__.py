"""The life of one message: its row, its statuses, the next step, what follows from an outcome or a report."""
