SELECT MAX(t.cbModification) AS mark
FROM F_ARTGLOSS t
