"""The engine: an instrument in a process of its own, and what listens to it."""
