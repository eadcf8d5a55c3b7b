using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;

namespace Qanat.Tunnel.Tests.Links;

public sealed class DialFailuresTests : ILinkConnector, ILoggerFactory, ILogger
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private readonly ConcurrentQueue<(LogLevel Level, EventId Id, string Line)> _lines = new();
    private readonly TaskCompletionSource _secondAttempt = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _attempts;

    [Fact]
    public void A_failure_is_told_once_and_then_once_a_minute_until_a_link_is_up()
    {
        FakeTimeProvider time = new();
        DialFailures failures = new(time);
        Uri hub = new("ws://hub:1"), other = new("ws://hub:2");
        Assert.True(failures.MayTell(hub, TunnelError.HubUnreachable));
        Assert.DoesNotContain(Enumerable.Range(0, 1000), _ => failures.MayTell(hub, TunnelError.HubUnreachable));
        Assert.True(failures.MayTell(hub, TunnelError.NotEnrolled));
        Assert.True(failures.MayTell(other, TunnelError.HubUnreachable));
        time.Advance(TimeSpan.FromSeconds(61));
        Assert.True(failures.MayTell(hub, TunnelError.HubUnreachable));
        failures.Forget();
        Assert.True(failures.MayTell(hub, TunnelError.HubUnreachable));
    }

    [Fact]
    public async Task Node_that_no_hub_takes_says_why_in_its_log_and_to_its_platforms()
    {
        using NodeIdentity identity = NodeIdentity.Create();
        TunnelOptions options = new() { Hubs = [new HubAddress(new Uri("ws://hub:1"), null)], ResolveTimeout = TimeSpan.FromMilliseconds(50) };
        await using TunnelEndpoint endpoint = new(options, identity, this, loggers: this);
        await endpoint.StartAsync(TestContext.Current.CancellationToken);
        // The second attempt begins when the first has failed and was told.
        await _secondAttempt.Task.WaitAsync(s_limit, TestContext.Current.CancellationToken);
        (LogLevel level, _, string line) = Assert.Single(_lines, entry => entry.Id == 1127);
        Assert.Equal(LogLevel.Warning, level);
        Assert.Contains("not-enrolled: The token was spent.", line, StringComparison.Ordinal);
        TunnelException refused = await Assert.ThrowsAsync<TunnelException>(() => endpoint.ResolveAsync("hospital-b", TestContext.Current.CancellationToken).AsTask());
        Assert.Equal(TunnelError.NotEnrolled, refused.Error);
        Assert.Contains("no link to a hub: The token was spent.", refused.Message, StringComparison.Ordinal);
    }

    Task<HubLink> ILinkConnector.ConnectAsync(HubAddress hub, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _attempts) == 2)
        {
            _secondAttempt.TrySetResult();
        }
        return Task.FromException<HubLink>(new TunnelException(TunnelError.NotEnrolled, "The token was spent."));
    }

    ILogger ILoggerFactory.CreateLogger(string categoryName) => this;

    void ILoggerFactory.AddProvider(ILoggerProvider provider) => throw new NotSupportedException("It is the only one.");

    IDisposable? ILogger.BeginScope<TState>(TState state) => null;

    bool ILogger.IsEnabled(LogLevel logLevel) => true;

    void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue((logLevel, eventId, formatter(state, exception)));

    void IDisposable.Dispose()
    {
        // Nothing is held.
    }
}
