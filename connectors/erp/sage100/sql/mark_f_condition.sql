SELECT MAX(t.cbModification) AS mark
FROM F_CONDITION t
