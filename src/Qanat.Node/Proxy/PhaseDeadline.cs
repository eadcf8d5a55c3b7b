using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;
using Qanat.Node.Diagnostics;

namespace Qanat.Node.Proxy;

/// <summary>
/// Closes a client connection that stays too long in one phase. Rides on the server's one-second heartbeat, so it costs no timer per connection.
/// </summary>
internal sealed class PhaseDeadline
{
    private readonly ConnectionContext _connection;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private long _deadline;

    private PhaseDeadline(ConnectionContext connection, TimeProvider time, ILogger logger)
    {
        _connection = connection;
        _time = time;
        _logger = logger;
    }

    public static PhaseDeadline Start(ConnectionContext connection, TimeSpan limit, TimeProvider time, ILogger logger)
    {
        var deadline = new PhaseDeadline(connection, time, logger);
        deadline.Set(limit);
        connection.Features.Get<IConnectionHeartbeatFeature>()?.OnHeartbeat(static state => ((PhaseDeadline)state).Check(), deadline);
        return deadline;
    }

    /// <summary>Starts the next phase.</summary>
    public void Set(TimeSpan limit) => Volatile.Write(ref _deadline, _time.GetTimestamp() + (long)(limit.TotalSeconds * _time.TimestampFrequency));

    /// <summary>No phase runs any more.</summary>
    public void Clear() => Volatile.Write(ref _deadline, 0);

    private void Check()
    {
        long deadline = Volatile.Read(ref _deadline);
        if (deadline != 0 && _time.GetTimestamp() >= deadline && Interlocked.CompareExchange(ref _deadline, 0, deadline) == deadline)
        {
            _logger.ClientTooSlow();
            _connection.Abort(new ConnectionAbortedException("No complete request in time."));
        }
    }
}
