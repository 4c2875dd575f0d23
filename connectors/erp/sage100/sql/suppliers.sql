SELECT f.AR_Ref, f.AF_RefFourniss, c.CT_Intitule
FROM F_ARTFOURNISS f
INNER JOIN F_COMPTET c ON c.CT_Num = f.CT_Num
WHERE f.AF_Principal = 1 AND f.AR_Ref IN (?)
