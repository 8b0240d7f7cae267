"""The fixed SQL of the queue, one text for SQLite and PostgreSQL.

Literals stand where a partial index needs them; `{states}` and `{lock}` are the hub's own words.
"""

CLAIMABLE = "state IN ('due', 'uncertain')"
SETTLING = "state = 'uncertain'"

DUE_CONNECTIONS = """
    SELECT id FROM connection
    WHERE next_due_at <= ? AND lease_until < ? AND provider = ? ORDER BY next_due_at LIMIT ?
"""
ACQUIRE = """
    UPDATE connection SET lease_until = ?, lease_token = lease_token + 1, wake_sent_at = NULL
    WHERE id = ? AND lease_until < ? RETURNING lease_token
"""
RECOVER_GENERATIONS = """
    UPDATE generation SET unsettled_at = ? WHERE EXISTS (
        SELECT 1 FROM delivery d WHERE d.id = generation.delivery_id
        AND d.generation = generation.number AND d.connection_id = ?
        AND d.state = 'pushing' AND d.lease_token < ? AND d.may_exist)
"""
RECOVER = """
    UPDATE delivery SET state = CASE WHEN may_exist THEN 'uncertain' ELSE 'due' END,
        uncertain_since = CASE WHEN may_exist THEN COALESCE(uncertain_since, ?) END,
        error_code = 'interrupted', error_message = 'a worker stopped in the middle of this',
        due_at = ?, updated_at = ?
    WHERE connection_id = ? AND state = 'pushing' AND lease_token < ?
    RETURNING id, uncertain_since, account_id, environment
"""
RENEW = "UPDATE connection SET lease_until = ? WHERE id = ? AND lease_token = ? AND lease_until > ?"
CLAIM = """
    UPDATE delivery SET state = 'pushing', lease_token = ?, attempts = attempts + 1
    WHERE id IN (
        SELECT id FROM delivery WHERE connection_id = ? AND {states} AND due_at <= ?
        AND (due_at, id) > (?, ?)
        AND EXISTS (SELECT 1 FROM connection WHERE id = ? AND lease_token = ?)
        ORDER BY due_at, id LIMIT ? {lock})
    RETURNING id, account_id, environment, kind, subject_id, customer_id, due_at, attempts,
        failures, generation, frozen, plan_version, may_exist, uncertain_since, created_at,
        was_held
"""
GIVE_BACK = """
    UPDATE delivery SET attempts = attempts - 1,
        state = CASE WHEN may_exist THEN 'uncertain' ELSE 'due' END
    WHERE id = ? AND state = 'pushing' AND lease_token = ?
"""
NEXT_DUE = "SELECT MIN(due_at) FROM delivery WHERE connection_id = ? AND {states}"
RELEASE = """
    UPDATE connection SET lease_until = 0, wake_sent_at = NULL, next_due_at = ?
    WHERE id = ? AND lease_token = ?
"""
WAKE = """
    UPDATE connection SET next_due_at = ?
    WHERE id = ? AND (next_due_at IS NULL OR next_due_at > ?)
"""
RECONCILE = """
    UPDATE connection SET next_due_at = ?
    WHERE lease_until < ? AND (next_due_at IS NULL OR next_due_at > ?) AND EXISTS (
        SELECT 1 FROM delivery d WHERE d.connection_id = connection.id AND d.due_at <= ?
        AND (d.state IN ('uncertain', 'pushing')
            OR (d.state = 'due' AND connection.state = 'active')))
"""
FREEZE = """
    UPDATE delivery SET generation = ?, frozen = TRUE
    WHERE id = ? AND state = 'pushing' AND lease_token = ? AND plan_version = ?
"""
FREEZE_MARKED = """
    UPDATE delivery SET generation = ?, frozen = TRUE, may_exist = TRUE
    WHERE id = ? AND state = 'pushing' AND lease_token = ? AND plan_version = ?
"""
MARK = """
    UPDATE delivery SET may_exist = TRUE
    WHERE id = ? AND state = 'pushing' AND lease_token = ? AND generation = ? AND frozen
"""
MARK_OPERATION = """
    UPDATE delivery SET may_exist = TRUE
    WHERE id = ? AND state = 'pushing' AND lease_token = ?
"""
MARK_GENERATION = """
    UPDATE generation SET sends = sends + 1, first_sent_at = COALESCE(first_sent_at, ?),
        unsettled_at = ?
    WHERE delivery_id = ? AND number = ?
"""
BATCH = """
    UPDATE generation SET batch_key = ?, batch_position = ? WHERE delivery_id = ? AND number = ?
"""
BATCH_SIZE = "SELECT COUNT(*) FROM generation WHERE batch_key = ?"
LEASED = "SELECT 1 FROM connection WHERE id = ? AND lease_token = ?"
HOLDS = """
    SELECT 1 FROM delivery d JOIN connection c ON c.id = d.connection_id
    WHERE d.id = ? AND d.state = 'pushing' AND d.lease_token = ? AND c.lease_token = ?
"""
SETTLE = """
    UPDATE delivery SET state = ?, due_at = ?, failures = ?, may_exist = ?, frozen = frozen AND ?,
        uncertain_since = ?, error_code = ?, error_message = ?, error_details = ?,
        blocked_on = ?, blocked_scope = ?, receipt = ?, external_id = ?, variance = ?,
        payment_status = ?, payment_as_of = ?, payment_details = ?, delivered_at = ?,
        updated_at = ?
    WHERE id = ? AND state = 'pushing' AND lease_token = ?
        AND (? OR NOT may_exist) AND (? OR plan_version = ?)
"""
UNSETTLED = """
    UPDATE generation SET unsettled_at = ?, key_spent = key_spent OR ? WHERE delivery_id = ?
        AND number = (SELECT generation FROM delivery WHERE id = ?)
"""
ATTEMPT = """
    INSERT INTO attempt (id, account_id, environment, delivery_id, generation, step, outcome,
        code, message, provider_code, http_status, request_id, calls, started_at, duration_ms)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
