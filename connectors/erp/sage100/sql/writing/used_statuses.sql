SELECT o.cbMarq, o.D_Saisie, o.D_Confirme
FROM P_ORGAVEN o
ORDER BY o.cbMarq
