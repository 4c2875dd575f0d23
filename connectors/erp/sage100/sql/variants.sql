SELECT e.cbMarq, e.AR_Ref, e.AG_No1, e.AG_No2, e.AE_Ref, e.AE_CodeBarre, e.AE_PrixAch, e.AE_PrixAchNouv, e.AE_Sommeil
FROM F_ARTENUMREF e
WHERE e.AR_Ref IN (?)
ORDER BY e.cbMarq
