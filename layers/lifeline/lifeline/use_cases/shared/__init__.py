"""What several jobs work with: each is built once by the wiring and passed in. Jobs import no other job."""
