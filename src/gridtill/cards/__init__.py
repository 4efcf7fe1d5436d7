"""
The card application: records, keys, secure channel, consumer and authority cards, both carriers.

Pure: no reader, no clock, no database. What a card holds is described byte by byte in
``records``; who may derive which key in ``keys``. Amounts are whole units of 0.01 kWh, or of 0.01
of the currency where the meter counts money.
"""
