SELECT MAX(t.cbModification) AS mark
FROM F_GLOSSAIRE t
