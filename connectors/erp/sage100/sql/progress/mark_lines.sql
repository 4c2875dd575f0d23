SELECT MAX(l.cbModification) AS mark
FROM F_DOCLIGNE l
WHERE l.DO_Domaine = 0
