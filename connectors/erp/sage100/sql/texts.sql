SELECT x.AR_Ref, x.AGL_Num, g.GL_Text, g.GL_TextLangue1, g.GL_TextLangue2, g.GL_PeriodeDeb, g.GL_PeriodeFin
FROM F_ARTGLOSS x
INNER JOIN F_GLOSSAIRE g ON g.GL_No = x.GL_No
WHERE g.GL_Domaine = 0 AND x.AR_Ref IN (?)
ORDER BY x.AGL_Num
