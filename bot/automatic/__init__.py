"""Work that nobody asked for in person, from what GitHub or a CI told: decided from what is true there now."""
