"""The commands, a module a subject. Each turns words into a call of the library and its answer into text and an exit code.

Bodies import what they use when they run: start-up is measured, and `--help` needs none of it.
"""
