SELECT u.cbIndice, u.U_Intitule
FROM P_UNITE u
WHERE u.U_Intitule <> ''
ORDER BY u.cbIndice
