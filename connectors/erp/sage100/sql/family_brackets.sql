SELECT q.FA_CodeFamille, q.FQ_BorneSup, q.FQ_Remise01REM_Valeur, q.FQ_Remise01REM_Type, q.FQ_Remise02REM_Valeur, q.FQ_Remise02REM_Type, q.FQ_Remise03REM_Valeur, q.FQ_Remise03REM_Type
FROM F_FAMTARIFQTE q
WHERE q.FQ_RefCF = ?
ORDER BY q.FA_CodeFamille, q.FQ_BorneSup
