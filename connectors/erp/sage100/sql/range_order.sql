SELECT v.EG_Champ, v.EG_Ligne, v.EG_Enumere
FROM F_ENUMGAMME v
ORDER BY v.EG_Champ, v.EG_Ligne
