SELECT o.cbMarq, o.D_LibelleSaisie, o.D_LibelleConfirme, o.D_LibelleValide, o.D_Saisie, o.D_Confirme, o.D_Valide
FROM P_ORGAVEN o
ORDER BY o.cbMarq
