SELECT o.cbMarq, o.D_Defaut
FROM P_ORGAVEN o
ORDER BY o.cbMarq
