"""One package per ERP; each exports SPEC."""
