"""Events at a steady rate against the whole product while its parts are killed and paused."""
