"""How dates are written, where Django would choose otherwise."""
