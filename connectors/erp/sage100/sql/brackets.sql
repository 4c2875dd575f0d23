SELECT q.AR_Ref, q.TQ_BorneSup, q.TQ_Remise01REM_Valeur, q.TQ_Remise01REM_Type, q.TQ_Remise02REM_Valeur, q.TQ_Remise02REM_Type, q.TQ_Remise03REM_Valeur, q.TQ_Remise03REM_Type, q.TQ_PrixNet
FROM F_TARIFQTE q
WHERE q.TQ_RefCF = ? AND q.AR_Ref IN (?)
ORDER BY q.AR_Ref, q.TQ_BorneSup
