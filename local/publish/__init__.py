"""What is made of the contract for producers: schemas, TypeScript types, the Python package's builders and
wheel."""
