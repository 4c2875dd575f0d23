SELECT s.cbIndice, s.P_IntStatArt
FROM P_INTSTATART s
ORDER BY s.cbIndice
