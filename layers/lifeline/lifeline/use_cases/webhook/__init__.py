"""Meta's webhooks: ``front.py`` proves and queues; ``bodies.py`` takes them from the queue in batches,
``take.py`` sorts them, and the other files each take one kind of update."""
