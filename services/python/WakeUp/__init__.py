"""WakeUp: Wakes up every morning."""
