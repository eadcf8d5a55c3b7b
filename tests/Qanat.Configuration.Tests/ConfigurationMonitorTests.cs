using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Qanat.Configuration.Tests;

public sealed class ConfigurationMonitorTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("qanat-config-");
    private readonly FakeTimeProvider _time = new();
    private readonly RecordingLogger _log = new();
    private int _writes;

    private string FilePath => Path.Combine(_folder.FullName, "test.yaml");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Change_of_the_file_is_loaded_once_it_stands_still()
    {
        Write("name: a");
        using ConfigurationMonitor<SampleOptions> monitor = Create();
        List<string> heard = [];
        using IDisposable? subscription = monitor.OnChange((options, _) => heard.Add(options.Name));
        Write("name: b");
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("a", monitor.CurrentValue.Name);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("b", monitor.CurrentValue.Name);
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(["b"], heard);
    }

    [Fact]
    public void Invalid_file_keeps_the_old_settings_and_says_why()
    {
        Write("name: a");
        using ConfigurationMonitor<SampleOptions> monitor = Create();
        Write("name: b\nheartbeat-secnds: 3");
        _time.Advance(TimeSpan.FromSeconds(1));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("a", monitor.CurrentValue.Name);
        Assert.Contains(_log.Lines, line => line.Contains("config-unknown-key", StringComparison.Ordinal) && line.Contains("heartbeat-seconds", StringComparison.Ordinal));
        Write("name: c");
        _time.Advance(TimeSpan.FromSeconds(1));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("c", monitor.CurrentValue.Name);
    }

    [Fact]
    public void Replaced_symbolic_link_is_a_change()
    {
        string one = Path.Combine(_folder.FullName, "one.yaml"), two = Path.Combine(_folder.FullName, "two.yaml");
        File.WriteAllText(one, "name: one");
        File.WriteAllText(two, "name: two");
        File.CreateSymbolicLink(FilePath, one);
        using ConfigurationMonitor<SampleOptions> monitor = Create();
        File.Delete(FilePath);
        File.CreateSymbolicLink(FilePath, two);
        _time.Advance(TimeSpan.FromSeconds(1));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("two", monitor.CurrentValue.Name);
    }

    [Fact]
    public void Unsubscribed_listener_hears_nothing()
    {
        Write("name: a");
        using ConfigurationMonitor<SampleOptions> monitor = Create();
        int heard = 0;
        monitor.OnChange((_, _) => heard++).Dispose();
        Assert.True(monitor.Reload());
        Assert.Equal(0, heard);
    }

    [Fact]
    public void Missing_file_at_reload_keeps_the_old_settings()
    {
        Write("name: a");
        using ConfigurationMonitor<SampleOptions> monitor = Create();
        File.Delete(FilePath);
        Assert.False(monitor.Reload());
        Assert.Equal("a", monitor.CurrentValue.Name);
    }

    [Fact]
    public void Listener_that_throws_is_logged_and_neither_stops_the_others_nor_the_process()
    {
        Write("name: a");
        using ConfigurationMonitor<SampleOptions> monitor = Create();
        List<string> heard = [];
        using IDisposable? first = monitor.OnChange((_, _) => throw new InvalidOperationException("the file of the CA is no PEM"));
        using IDisposable? second = monitor.OnChange((options, _) => heard.Add(options.Name));
        Write("name: b");
        // An exception of a timer's callback comes out here; with the system's clock it would end the process.
        _time.Advance(TimeSpan.FromSeconds(1));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(["b"], heard);
        Assert.Contains(_log.Lines, line => line.Contains("the file of the CA is no PEM", StringComparison.Ordinal));
        Assert.False(monitor.Reload());
    }

    [Fact]
    public void Newest_file_is_the_last_one_told_when_reloads_meet()
    {
        Write("name: a");
        using ConfigurationMonitor<SampleOptions> monitor = Create();
        using ManualResetEventSlim entered = new(), release = new();
        List<string> told = [];
        using IDisposable? subscription = monitor.OnChange((options, _) =>
        {
            if (options.Name == "b")
            {
                entered.Set();
                release.Wait(TestContext.Current.CancellationToken);
            }
            told.Add(options.Name);
        });
        Write("name: b");
        Thread older = new(() => monitor.Reload()), newer = new(() => monitor.Reload());
        older.Start();
        entered.Wait(TestContext.Current.CancellationToken);
        Write("name: c");
        newer.Start();
        // Either it waits for the older one, or it has overtaken it.
        SpinWait.SpinUntil(() => !newer.IsAlive || newer.ThreadState.HasFlag(ThreadState.WaitSleepJoin));
        release.Set();
        older.Join();
        newer.Join();
        Assert.Equal(["b", "c"], told);
    }

    // Each write carries its own time, so that two of them in one tick of the file system differ.
    private void Write(string yaml)
    {
        File.WriteAllText(FilePath, yaml);
        File.SetLastWriteTimeUtc(FilePath, DateTime.UnixEpoch.AddHours(++_writes));
    }

    private ConfigurationMonitor<SampleOptions> Create() => new(FilePath, new SampleValidator(), _log, _time, reloadOnHangup: false);

    private sealed class RecordingLogger : ILogger
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Add(formatter(state, exception));
    }
}
