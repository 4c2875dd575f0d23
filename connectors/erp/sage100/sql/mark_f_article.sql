SELECT MAX(t.cbModification) AS mark
FROM F_ARTICLE t
