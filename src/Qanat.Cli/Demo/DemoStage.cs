using System.Reflection;
using Qanat.Cli.Demo.Running;

namespace Qanat.Cli.Demo;

/// <summary>
/// What all acts of one demo share: a temporary folder, free ports, the running programs, and the networks that acts build on
/// (made when first asked for, then shared). Disposing it ends every program and removes the folder.
/// </summary>
internal sealed class DemoStage(bool keepFolder) : IAsyncDisposable
{
    private readonly Dictionary<Type, Task<object>> _scenes = [];
    private readonly List<IAsyncDisposable> _owned = [];
    private readonly List<ChildProcess> _processes = [];

    /// <summary>Folder of this run.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("qanat-demo-").FullName;

    /// <summary>Loopback ports.</summary>
    public FreePorts Ports { get; } = new();

    /// <summary>Every program started so far.</summary>
    public IReadOnlyList<ChildProcess> Processes => _processes;

    /// <summary>A set-up that several acts use, made by the first of them.</summary>
    public async Task<T> SceneAsync<T>(Func<DemoStage, Task<T>> build) where T : class
    {
        if (!_scenes.TryGetValue(typeof(T), out Task<object>? scene))
        {
            _scenes[typeof(T)] = scene = BuildAsync();
        }
        return (T)await scene;

        async Task<object> BuildAsync() => await build(this);
    }

    /// <summary>Something to dispose at the end; last in, first out.</summary>
    public T Own<T>(T thing) where T : IAsyncDisposable
    {
        _owned.Add(thing);
        return thing;
    }

    /// <summary>Starts this very program with other arguments. It ends with us, even if we are killed.</summary>
    public ChildProcess StartQanat(string name, params string[] arguments)
    {
        string program = Environment.ProcessPath ?? throw new CliException("demo-start-failed", "the path of this program is unknown");
        bool isHosted = Path.GetFileNameWithoutExtension(program) == "dotnet";
        string[] all = [.. isHosted ? [Assembly.GetEntryAssembly()!.Location] : Array.Empty<string>(), .. arguments, "--until-stdin-closes"];
        return Start(name, program, all);
    }

    /// <summary>Starts a program.</summary>
    public ChildProcess Start(string name, string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        ChildProcess process = Prepare(name, program, arguments, environment);
        process.Start();
        return process;
    }

    /// <summary>A program that is not started yet, so that its output can be listened to from the first line.</summary>
    public ChildProcess Prepare(string name, string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        ChildProcess process = new(name, Folder, program, arguments, environment);
        _processes.Add(process);
        return process;
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_processes.Select(p => p.DisposeAsync().AsTask()));
        foreach (IAsyncDisposable thing in Enumerable.Reverse(_owned))
        {
            await thing.DisposeAsync();
        }
        if (!keepFolder)
        {
            Directory.Delete(Folder, recursive: true);
        }
    }
}
