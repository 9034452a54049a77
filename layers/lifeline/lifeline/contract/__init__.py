"""What crosses the border: messages, operators' actions, and the names of both. Standard library only.

The operator's command line imports this package and nothing else of the layer. Nothing is imported here: each
takes the module that it needs.
"""
