SELECT c.CT_Num, c.CT_Sommeil
FROM F_COMPTET c
WHERE c.CT_Type = 0 AND c.CT_EMail IN (?)
ORDER BY c.cbMarq
