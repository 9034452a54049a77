"""After the incident, and before the next one."""
