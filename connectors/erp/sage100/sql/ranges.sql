SELECT g.cbIndice, g.G_Intitule, g.G_Type
FROM P_GAMME g
WHERE g.G_Intitule <> ''
ORDER BY g.cbIndice
