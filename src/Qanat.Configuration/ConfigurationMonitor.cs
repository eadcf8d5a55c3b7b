using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Qanat.Configuration;

/// <summary>
/// The live configuration of a server: loaded and checked once when it is made, and again on SIGHUP and when the file changes.
/// A new file with errors changes nothing: the old settings stay and the log says why. A listener that throws is logged and never stops the others.
/// Safe to use from any thread.
/// </summary>
public sealed class ConfigurationMonitor<T> : IOptionsMonitor<T>, IDisposable where T : class, new()
{
    // Looking at the file beats watching it: replaced files, symbolic links (Kubernetes) and network file systems all work.
    private static readonly TimeSpan s_lookInterval = TimeSpan.FromSeconds(1);

    private readonly string _path;
    private readonly IValidateOptions<T>? _validator;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly Lock _reloading = new();
    private readonly List<Action<T, string?>> _listeners = [];
    private readonly ITimer _timer;
    private readonly PosixSignalRegistration? _signal;
    private FileStamp _loaded;
    private FileStamp _seen;
    private T _current;

    /// <summary>Loads the file.</summary>
    /// <param name="path">The YAML file.</param>
    /// <param name="validator">Checked at every load.</param>
    /// <param name="logger">Told of every reload and why one was refused.</param>
    /// <param name="time">Clock of the look at the file, once a second; a change counts when it has stood still for one interval.</param>
    /// <param name="reloadOnHangup">Also reload on SIGHUP, at once.</param>
    /// <exception cref="ConfigurationException">The file has errors.</exception>
    public ConfigurationMonitor(string path, IValidateOptions<T>? validator, ILogger logger, TimeProvider time, bool reloadOnHangup)
    {
        _path = path;
        _validator = validator;
        _logger = logger;
        _loaded = _seen = FileStamp.Of(path);
        _current = ConfigurationFile.Load(path, validator);
        _timer = time.CreateTimer(static state => ((ConfigurationMonitor<T>)state!).Look(), this, s_lookInterval, s_lookInterval);
        if (reloadOnHangup)
        {
            _signal = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
            {
                context.Cancel = true;
                Reload();
            });
        }
    }

    /// <inheritdoc/>
    public T CurrentValue
    {
        get
        {
            lock (_lock)
            {
                return _current;
            }
        }
    }

    /// <inheritdoc/>
    public T Get(string? name) => CurrentValue;

    /// <inheritdoc/>
    public IDisposable OnChange(Action<T, string?> listener)
    {
        lock (_lock)
        {
            _listeners.Add(listener);
        }
        return new Subscription(this, listener);
    }

    /// <summary>
    /// Loads the file again now. Whoever asks, loads follow one another, each told to all listeners before the next begins: the newest file is the last
    /// one told.
    /// </summary>
    /// <returns>False when the file has errors (the old settings stay) or a listener could not take all of it over (the log says what).</returns>
    public bool Reload()
    {
        lock (_reloading)
        {
            Action<T, string?>[] listeners;
            lock (_lock)
            {
                _loaded = _seen = FileStamp.Of(_path);
            }
            T options;
            try
            {
                options = ConfigurationFile.Load(_path, _validator);
            }
            catch (ConfigurationException e)
            {
                foreach (ConfigurationError error in e.Errors)
                {
                    _logger.ReloadRefused(error.Code, error.ToString());
                }
                return false;
            }
            lock (_lock)
            {
                _current = options;
                listeners = [.. _listeners];
            }
            bool all = true;
            foreach (Action<T, string?> listener in listeners)
            {
                all &= Tell(listener, options);
            }
            _logger.Reloaded(_path);
            return all;
        }
    }

    /// <summary>Stops looking and listening.</summary>
    public void Dispose()
    {
        _signal?.Dispose();
        _timer.Dispose();
    }

    // Called by a timer or a signal handler, where an exception would end the process: a server that runs must not die of its new settings.
    private bool Tell(Action<T, string?> listener, T options)
    {
        try
        {
            listener(options, Options.DefaultName);
            return true;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            bool isExpected = e is AggregateException or ArgumentException or IOException;
            _logger.NotAllApplied(isExpected ? null : e, e.InnerException?.Message ?? e.Message);
            return false;
        }
    }

    private void Look()
    {
        FileStamp now = FileStamp.Of(_path);
        bool isSettled;
        lock (_lock)
        {
            isSettled = now == _seen && now != _loaded;
            _seen = now;
        }
        if (isSettled)
        {
            Reload();
        }
    }

    private readonly record struct FileStamp(string? Target, DateTime Written, long Length)
    {
        public static FileStamp Of(string path)
        {
            try
            {
                FileInfo file = new(path);
                FileInfo target = file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
                return target.Exists ? new FileStamp(target.FullName, target.LastWriteTimeUtc, target.Length) : default;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return default;
            }
        }
    }

    private sealed class Subscription(ConfigurationMonitor<T> owner, Action<T, string?> listener) : IDisposable
    {
        public void Dispose()
        {
            lock (owner._lock)
            {
                owner._listeners.Remove(listener);
            }
        }
    }
}
