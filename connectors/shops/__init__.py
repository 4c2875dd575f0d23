"""One package per shop platform; each exports SPEC."""
